// What uml-init needs to hand the machine over to systemd: units that leave out what a throw-away machine has no use
// for, and one that is uml-init again, which then runs the command. Included by uml-init.c alone.
#pragma once

static const char *const masked_units[] = {
    "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket", "systemd-journald.service", "systemd-journald.socket",
    "systemd-journald-dev-log.socket", "systemd-journald-audit.socket", "systemd-journal-flush.service",
    "systemd-hwdb-update.service", "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount",
    "proc-sys-fs-binfmt_misc.mount", "systemd-pstore.service", "systemd-timesyncd.service",
    "systemd-firstboot.service", "systemd-machine-id-commit.service", "systemd-modules-load.service",
    "systemd-random-seed.service", "systemd-repart.service", "systemd-sysusers.service",
    "systemd-update-utmp.service", "systemd-update-done.service", "systemd-tmpfiles-setup.service",
    "systemd-tmpfiles-setup-dev.service", "kmod-static-nodes.service", "dev-hugepages.mount",
    "sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "modprobe@drm.service",
    "systemd-sysctl.service", "systemd-remount-fs.service", "systemd-ask-password-console.path",
    "systemd-pcrphase.service", "systemd-pcrphase-sysinit.service", "cryptsetup.target", "integritysetup.target",
    "veritysetup.target", "timers.target", "paths.target", "systemd-fsck-root.service", "apt-daily.timer",
    "sys-fs-fuse-connections.mount", "containerd.service", "podman.service", "podman.socket", "docker.service"};

static void write_text(const char *folder, const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "we");
  if (!file || fputs(text, file) < 0) fail("write %s", path);
  fclose(file);
}

static void copy_program(const char *to) {
  static char bytes[1 << 16];
  int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  ssize_t count = -1;
  while (in >= 0 && out >= 0 && (count = read(in, bytes, sizeof bytes)) > 0)
    if (write(out, bytes, (size_t)count) != count) fail("write %s", to);
  if (count != 0) fail("copy %s", to);
  close(in);
  close(out);
}

// Becomes systemd; machine.service is this program, as another process than the first.
static void become_systemd(unsigned uid) {
  char path[256], text[1024], manager[64] = "";
  make_folders("/run/systemd/system", 0755);
  for (size_t i = 0; i < sizeof masked_units / sizeof *masked_units; i++) {
    snprintf(path, sizeof path, "/run/systemd/system/%s", masked_units[i]);
    if (symlink("/dev/null", path) < 0) fail("symlink %s", path);
  }
  write_text("/etc", "fstab", "");
  // The host's asks for /etc/shadow, which a machine that a user has started cannot read.
  write_text("/etc/pam.d", "systemd-user", "account required pam_permit.so\nsession required pam_systemd.so\n");
  copy_program("/run/machine-init");
  if (uid) snprintf(manager, sizeof manager, " user@%u.service", uid);
  write_text("/run/systemd/system", "machine.target",
             "[Unit]\nRequires=basic.target machine.service\nAfter=basic.target\nAllowIsolate=yes\n");
  snprintf(text, sizeof text,
           "[Unit]\nWants=dbus.service systemd-logind.service%s\nAfter=dbus.service systemd-logind.service%s\n"
           "[Service]\nType=exec\nExecStart=/run/machine-init\nDelegate=yes\nStandardOutput=null\n"
           "StandardError=null\nTasksMax=infinity\nLimitNOFILE=1048576\n",
           manager, manager);
  write_text("/run/systemd/system", "machine.service", text);
  int nothing = open("/dev/null", O_RDWR);
  dup2(nothing, 0);
  dup2(nothing, 1);
  dup2(nothing, 2);
  char *arguments[] = {"systemd", "--system", "--unit=machine.target", "--show-status=no", "--log-target=console",
                       "--log-level=notice", "--default-standard-output=null", NULL};
  char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL};
  execve("/lib/systemd/systemd", arguments, environment);
  fail("execve /lib/systemd/systemd");
}
