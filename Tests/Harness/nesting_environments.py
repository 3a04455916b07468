"""The environments of nesting-matrix: how each is made of what other engines do, or of what a machine lacks."""
import importlib.machinery, importlib.util, json, os, shlex, subprocess

HERE = os.path.dirname(os.path.realpath(__file__))


def _module(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


containers = _module("other-container")


class Environment:
    """`place` is where its settings are made, as doctor's remedies name it."""

    def __init__(self, name, what, command, needs, place="host"):
        self.name, self.what, self.command, self.needs, self.place = name, what, command, needs, place
        self.fast = name in FAST


ALL = []
# Those that people have, and of the others those that a change breaks first; NestingTests makes them.
FAST = """docker-root docker-user docker-noexec-home kubernetes-restricted docker-no-filter docker-no-filter-user docker-admin
docker-no-setfcap openshift kubernetes-user-namespace podman-root podman-rootless no-newuidmap no-sys noexec-home
read-only-root locked-flags chroot no-network-namespaces no-setfcap root-no-capability no-proc bwrap bwrap-no-users own
refuses-sethostname-eperm refuses-pivot_root-eperm refuses-setns-eperm refuses-mount-landlock_create_ruleset-enosys
refuses-many""".split()


def _add(name, what, command, needs, **more):
    ALL.append(Environment(name, what, command, needs, **more))


# Containers of runc and crun.

def oci(name, what, kind="docker", runtime="runc", change=None, place="docker", **more):
    def command(place_, words):
        settings = containers.configuration(kind, [place_.work], place_.variables, words, True)
        if kind != "docker":
            # The caller's own folders lie where its number may write.
            settings["process"]["user"] = {"uid": 1500, "gid": 1500}
        if change:
            change(settings)
        path = os.path.join(place_.scratch, name + ".json")
        with open(path, "w") as file:
            json.dump(settings, file)
        return [os.path.join(HERE, "nesting-matrix"), "--container", runtime, path]

    _add(name, what, command, [runtime], place=place, **more)


def _no_filter(settings):
    settings["linux"].pop("seccomp")


def _no_masks(settings):
    settings["linux"]["maskedPaths"], settings["linux"]["readonlyPaths"] = [], []


def _every_capability(settings):
    own = int(next(line for line in open("/proc/self/status") if line.startswith("CapEff")).split()[1], 16)
    for names in settings["process"]["capabilities"].values():
        if names or settings["process"]["user"]["uid"] == 0:
            names[:] = [name for bit, name in enumerate(CAPABILITIES) if own >> bit & 1]


CAPABILITIES = ["CAP_" + name for name in """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID
SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF
CHECKPOINT_RESTORE""".split()]


def _privileged(settings):
    _no_filter(settings), _no_masks(settings), _every_capability(settings)
    for mount in settings["mounts"]:
        if mount["destination"] == "/sys":
            mount["options"].remove("ro")


def _admin(settings):
    held = set(containers.CAPABILITIES) | {"SYS_ADMIN"}
    settings["linux"]["seccomp"] = containers.filter_for({"CAP_" + name for name in held})
    settings["process"]["capabilities"]["bounding"].append("CAP_SYS_ADMIN")
    if settings["process"]["user"]["uid"] == 0:
        settings["process"]["capabilities"]["effective"].append("CAP_SYS_ADMIN")


def _without(*names):
    def change(settings):
        for held in settings["process"]["capabilities"].values():
            held[:] = [name for name in held if name not in names and names]
    return change


def _both(*changes):
    return lambda settings: [change(settings) for change in changes]


def _mount(at, *options):
    def change(settings):
        for mount in settings["mounts"]:
            if mount["destination"] == at:
                mount["options"] = [old for old in mount["options"]
                                    if old.split("=")[0] not in [new.split("=")[0] for new in options]]
                mount["options"] += options
    return change


def _read_only(*gone):
    def change(settings):
        settings["root"]["readonly"] = True
        # What a mount is put on has to be there before, as in an image: here in a tmpfs that is closed after it.
        for mount in settings["mounts"]:
            if mount["destination"] in gone:
                mount["options"].append("ro")
    return change


def _users(settings):
    settings["linux"]["namespaces"].append({"type": "user"})
    for kind in ["uidMappings", "gidMappings"]:
        settings["linux"][kind] = [{"containerID": 0, "hostID": 200000, "size": 65536}]


def _user(uid, gid, home=None):
    def change(settings):
        settings["process"]["user"] = {"uid": uid, "gid": gid}
        if home:
            settings["process"]["env"] = [home if word.startswith("HOME=") else word
                                          for word in settings["process"]["env"]]
    return change


def _gone(*paths):
    def change(settings):
        settings["mounts"] = [mount for mount in settings["mounts"] if mount["destination"] not in paths]
    return change


def _namespace(kind):
    def change(settings):
        settings["linux"]["namespaces"] = [own for own in settings["linux"]["namespaces"] if own["type"] != kind]
        if kind == "pid":
            settings["mounts"][0] = {"destination": "/proc", "type": "none", "source": "/proc", "options": ["rbind"]}
    return change


def _no_new_privileges(settings):
    settings["process"]["noNewPrivileges"] = True


oci("docker-root", "Docker's default, as root")
oci("docker-user", "Docker's default, `--user 1500`", "docker-user")
oci("docker-root-crun", "Docker's default with crun, as root", runtime="crun")
oci("docker-user-crun", "Docker's default with crun, as user", "docker-user", "crun")
oci("kubernetes-restricted", "Kubernetes \"restricted\"", "kubernetes", place="kubernetes")
oci("docker-nnp", "Docker, `--security-opt no-new-privileges`, as root", change=_no_new_privileges)
oci("docker-no-filter", "Docker, `seccomp=unconfined`, as root", change=_no_filter)
oci("docker-no-filter-user", "Docker, `seccomp=unconfined`, as user", "docker-user", change=_no_filter)
oci("docker-no-filter-masks", "Docker, `seccomp=unconfined`, `systempaths=unconfined`, as root",
    change=_both(_no_filter, _no_masks))
oci("docker-no-filter-masks-user", "the same as user", "docker-user", change=_both(_no_filter, _no_masks))
oci("docker-privileged", "Docker, `--privileged`, as root", change=_privileged)
oci("docker-privileged-user", "Docker, `--privileged --user 1500`", "docker-user", change=_privileged)
oci("docker-admin", "Docker, `--cap-add SYS_ADMIN`, as root", change=_admin)
oci("docker-admin-user", "Docker, `--cap-add SYS_ADMIN`, as user", "docker-user", change=_admin)
oci("docker-no-capability", "Docker, `--cap-drop ALL`, as root", change=_without())
oci("docker-no-setfcap", "Docker, `seccomp=unconfined --cap-drop SETFCAP`, as root",
    change=_both(_no_filter, _without("CAP_SETFCAP")))
oci("docker-no-setuid", "Docker, `--cap-drop SETUID`, as root", change=_without("CAP_SETUID"))
oci("docker-noexec-tmp", "Docker, /tmp noexec, as root", change=_mount("/tmp", "noexec"))
oci("docker-noexec-home", "Docker, `seccomp=unconfined`, HOME and /tmp noexec, as user", "docker-user",
    change=_both(_no_filter, _mount("/tmp", "noexec"), _mount("/home/user", "noexec"), _mount("/var/tmp", "noexec")))
oci("docker-noexec-all", "Docker's default, HOME and /tmp noexec, as user", "docker-user",
    change=_both(_mount("/tmp", "noexec"), _mount("/home/user", "noexec"), _mount("/var/tmp", "noexec")))
oci("docker-small-shm", "Docker, `--shm-size 64k`, as root", change=_mount("/dev/shm", "size=65536"))
oci("docker-home-unwritable", "Docker's default, HOME that cannot be written, as user", "docker-user",
    change=_user(1500, 1500, "HOME=/usr"))
oci("docker-unwritable", "Docker, all but /dev/shm read-only, as root",
    change=_read_only("/tmp", "/var/tmp", "/root"))
oci("docker-host-processes", "Docker, `--pid host`, as root", change=_namespace("pid"))
oci("docker-user-namespace", "Docker with a user namespace (`userns-remap`), as root", change=_users)
oci("docker-user-namespace-no-filter", "the same, `seccomp=unconfined`", change=_both(_users, _no_filter))
oci("openshift", "OpenShift: a user of no name, group 0, no_new_privs, no capabilities", "kubernetes",
    change=_user(1000680000, 0, "HOME=/"), place="kubernetes")
oci("kubernetes-baseline", "Kubernetes \"baseline\" without a filter, as root", change=_no_filter, place="kubernetes")
oci("kubernetes-unconfined", "Kubernetes \"restricted\" but `Unconfined`", "kubernetes", change=_no_filter,
    place="kubernetes")
oci("kubernetes-user-namespace", "Kubernetes, `hostUsers: false`, `procMount: Unmasked`, `Unconfined`",
    change=_both(_users, _no_filter, _no_masks), place="kubernetes")
oci("docker-no-sys", "Docker, `seccomp=unconfined`, no /sys, as user", "docker-user",
    change=_both(_no_filter, _gone("/sys")))
oci("docker-few-devices", "Docker's default without /dev/shm, /dev/pts and /dev/mqueue, as root",
    change=_gone("/dev/shm", "/dev/pts", "/dev/mqueue"))


def _become(place):
    return ["setpriv", "--reuid", str(place.uid), "--regid", str(place.gid), "--clear-groups"]


def _as_user(place):
    """A command of the user's, without a network."""
    return ["unshare", "--net"] + _become(place) + ["env", "-u", "XDG_RUNTIME_DIR", "HOME=" + place.home]


# What runs on the machine itself, with something changed in a mount and a network namespace of its own.

def host(name, what, line="", before="", root=False, needs=(), more_namespaces=(), **more):
    """`line` is a shell line before the caller becomes a user (or, where `root`, stays root); `before` is put before
    the command after that. $ROOT, $USER_ID, $HOME_FOLDER, $HARNESS and $REFUSER are there."""
    def command(place, words):
        home = place.home if not root else place.root_home
        become = "" if root else shlex.join(_become(place)) + " "
        variables = " ".join(shlex.quote(word) for word in place.variables)
        given = " ".join("-e " + word for word in place.variables)
        script = """set -e
for d in /tmp /var/tmp; do mount -t tmpfs -o mode=1777 none $d; done
ip link set lo up
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
%s
exec %s env -i HOME=%s PATH=$PATH %s %s "$@"
""" % (line, become, home, variables, before)
        return ["env", "ROOT=" + os.path.join(place.scratch, name), "USER_ID=%d" % place.uid, "HOME_FOLDER=" + home,
                "USER_NAME=" + place.user, "REFUSER=" + place.refuser, "WORK=" + place.work, "ISOLATE=" + place.isolate,
                "PREFLIGHT=" + place.preflight, "ENVIRONMENT=" + given, "unshare", "--net", "--mount", "--propagation", "private",
                *more_namespaces, "sh", "-c", script, "sh"] + words

    _add(name, what, command, list(needs), **more)


host("user", "the machine itself, as user")
host("root", "the machine itself, as root", root=True)
host("nnp", "no_new_privs, as user", before="setpriv --no-new-privs")
host("no-newuidmap", "no newuidmap and newgidmap", "for p in newuidmap newgidmap; do mount --bind /dev/null /usr/bin/$p; done")
host("no-subuid", "no ranges in /etc/subuid", "for f in subuid subgid; do mount --bind /dev/null /etc/$f; done")
host("masked-proc", "a part of /proc masked", "mount --bind /dev/null /proc/interrupts")
host("proc-hidepid", "/proc with `hidepid=2`", "mount -t proc -o hidepid=2 proc /proc")
host("proc-subset", "/proc with `subset=pid`", "mount -t proc -o subset=pid proc /proc")
host("no-proc", "no /proc", "mount -t tmpfs none /proc")
host("no-sys", "no /sys", "mount -t tmpfs none /sys")
host("no-cgroup", "/sys/fs/cgroup read-only and empty", "mount -t tmpfs -o ro none /sys/fs/cgroup")
host("no-devices", "a /dev of null, zero, random and urandom",
     "mount -t tmpfs -o mode=755 none $WORK/dev; for d in null zero random urandom; do touch $WORK/dev/$d; "
     "mount --bind /dev/$d $WORK/dev/$d; done; mount --move $WORK/dev /dev")
host("small-shm", "a /dev/shm of 64 KB, full", "mount -t tmpfs -o size=64k none /dev/shm; "
     "dd if=/dev/zero of=/dev/shm/full bs=64k count=1 status=none; chmod 1777 /dev/shm")
host("read-only-root", "a root that is read-only, /tmp and HOME writable",
     "mount --bind $HOME_FOLDER $HOME_FOLDER; mount -t tmpfs -o mode=1777 none /tmp; mount -o remount,bind,ro /")
host("noexec-tmp", "/tmp noexec, nosuid, nodev", "mount -t tmpfs -o noexec,nosuid,nodev,mode=1777 none /tmp")
host("noexec-home", "HOME and /tmp noexec, nosuid, nodev",
     "for d in /tmp $HOME_FOLDER; do mount -t tmpfs -o noexec,nosuid,nodev,mode=1777 none $d; done")
host("locked-flags", "HOME on a mount with locked nosuid, nodev, noatime, as root of a user namespace",
     "mount -t tmpfs -o nosuid,nodev,noatime,mode=1777 none $HOME_FOLDER", "unshare --user --map-root-user --mount")
host("overlay", "on an overlay, as images are", "mkdir -p $ROOT; mount -t tmpfs none $ROOT; cd $ROOT; mkdir u w m; "
     "mount -t overlay -o lowerdir=/,upperdir=u,workdir=w none m; for d in proc sys dev; do mount --rbind /$d m/$d; "
     "done; cd m; mkdir -p .old; pivot_root . .old; umount -l /.old; for d in /tmp /var/tmp; do "
     "mount -t tmpfs -o mode=1777 none $d; done")
SECOND_ROOT = ("mkdir -p $ROOT; mount --bind / $ROOT; for d in proc sys dev; do mount --rbind /$d $ROOT/$d; done; "
               "for d in tmp var/tmp; do mount -t tmpfs -o mode=1777 none $ROOT/$d; done")
host("chroot", "chroot(2), as user", SECOND_ROOT, "chroot $ROOT", root=True)
host("chroot-user", "chroot(2), then another user", SECOND_ROOT, "chroot $ROOT setpriv --reuid $USER_ID --regid $USER_ID --clear-groups env "
     "HOME=$HOME_FOLDER", root=True)
host("user-namespace", "a user namespace with one id (`unshare -r`)", before="unshare --user --map-root-user")
host("user-namespace-full", "`unshare -r` with mounts, processes and a /proc",
     before="unshare --user --map-root-user --mount --pid --fork --mount-proc")
host("user-namespaces-three", "three user namespaces within each other", before="unshare --user --map-root-user "
     "unshare --user --map-root-user unshare --user --map-root-user")
for name, kind in [("user", "user"), ("network", "net"), ("pid", "pid")]:
    host("no-%s-namespaces" % name, "user.max_%s_namespaces = 0" % kind, before="unshare --user --map-root-user "
         "sh -c 'echo 0 >/proc/sys/user/max_%s_namespaces; exec \"$@\"' sh" % kind)
host("no-setfcap", "root of a user namespace without CAP_SETFCAP",
     before="unshare --user --map-root-user setpriv --bounding-set -setfcap --inh-caps -setfcap")
host("root-no-capability", "root without capabilities", before="setpriv --bounding-set -all --inh-caps -all", root=True)
host("few-files", "RLIMIT_NOFILE 128", "ulimit -n 128")
host("few-keys", "a keyring quota that is used up", before="python3 -c 'import ctypes, os, sys; c = ctypes.CDLL(None); "
     "[c.syscall(248, b\"user\", b\"k%d\" % i, b\"x\" * 90, 90, -3) for i in range(300)]; "
     "os.execvp(sys.argv[1], sys.argv[1:])'")
host("signals", "SIGCHLD, SIGPIPE and SIGTERM ignored", before="env --ignore-signal=CHLD,PIPE,TERM")


def refused(calls, error, name=None, **more):
    name = name or "refuses-%s-%s" % (calls.replace(",", "-"), error.lower())
    host(name, "%s refused with %s" % (", ".join(calls.split(",")), error), before="$REFUSER %s %s" % (calls, error),
         needs=["gcc"], **more)


for name in ["clone3", "openat2", "fsopen", "open_tree", "move_mount", "mount_setattr", "close_range", "execveat",
             "pidfd_open", "pidfd_send_signal", "memfd_create", "sethostname", "keyctl", "statx", "renameat2",
             "faccessat2", "copy_file_range"]:
    refused(name, "ENOSYS")
for name in ["openat2", "pidfd_open", "memfd_create", "sethostname", "keyctl", "unshare", "setns"]:
    refused(name, "EPERM")
refused("clone3,openat2,fsopen,open_tree,move_mount,mount_setattr,close_range,pidfd_open,pidfd_send_signal,statx",
        "ENOSYS", "refuses-many")
refused("mount", "EPERM")
refused("pivot_root", "EPERM")
refused("landlock_create_ruleset", "ENOSYS")
refused("mount,landlock_create_ruleset", "ENOSYS")


# bubblewrap, podman and our own.

def _bwrap(name, what, options, **more):
    host(name, what, before="bwrap --ro-bind / / --dev /dev --bind $HOME_FOLDER $HOME_FOLDER --tmpfs /tmp "
         + options, needs=["bwrap"], **more)


_bwrap("bwrap", "bubblewrap, `--unshare-all --proc /proc`", "--unshare-all --share-net --proc /proc")
_bwrap("bwrap-root", "bubblewrap, as root", "--unshare-all --share-net --proc /proc", root=True)
_bwrap("bwrap-shared", "bubblewrap, the caller's processes and /proc", "--unshare-user --ro-bind /proc /proc")
_bwrap("bwrap-uid0", "bubblewrap, `--uid 0`", "--unshare-all --share-net --proc /proc --uid 0 --gid 0")
_bwrap("bwrap-no-users", "bubblewrap, `--disable-userns`", "--unshare-all --share-net --proc /proc --unshare-user "
       "--disable-userns")
_bwrap("bwrap-filter", "bubblewrap and a filter without unshare, mount and setns, as Flatpak's",
       "--unshare-all --share-net --proc /proc $REFUSER unshare,mount,setns,pivot_root,keyctl EPERM")
_bwrap("bwrap-no-proc", "bubblewrap without a /proc", "--unshare-all --share-net --tmpfs /proc")


def podman(name, what, options, root=False, **more):
    mounts = "-v /usr:/usr:ro -v /etc:/etc:ro -v /opt:/opt:ro -v $WORK:$WORK:ro --tmpfs /tmp:mode=1777,notmpcopyup "
    mounts += "--tmpfs /var/tmp:mode=1777,notmpcopyup --tmpfs /home:mode=1777,notmpcopyup"
    # It remembers its helpers by their numbers, which are other ones each time.
    line = "for d in /run /var/lib/containers $HOME_FOLDER; do [ ! -d $d ] || mount -t tmpfs -o mode=1777 none $d; done"
    host(name, what, line, "podman --cgroup-manager cgroupfs --runtime runc run --quiet --rm --ulimit host "
         "--network none $ENVIRONMENT -e HOME=/home %s %s --rootfs $WORK/podman-root" % (mounts, options), root=root,
         needs=["podman", "runc"], more_namespaces=["--pid", "--fork", "--kill-child", "--mount-proc"], place="podman",
         **more)


podman("podman-root", "podman, as root", "", root=True)
podman("podman-root-user", "podman, as root, `--user 1500`, no folder that it can write", "--user 1500", root=True)
podman("podman-privileged", "podman, `--privileged`, as root", "--privileged", root=True)
podman("podman-rootless", "podman, rootless", "")
podman("podman-rootless-user", "podman, rootless, `--user 1500`", "--user 1500")
podman("podman-rootless-privileged", "podman, rootless, `--privileged`", "--privileged")
podman("podman-rootless-unmasked", "podman, rootless, `unmask=ALL`", "--security-opt unmask=ALL")
podman("podman-rootless-nnp", "podman, rootless, no-new-privileges", "--security-opt no-new-privileges")
podman("podman-rootless-no-capability", "podman, rootless, `--cap-drop ALL`", "--cap-drop ALL")
podman("podman-rootless-keep-id", "podman, rootless, `--userns keep-id`", "--userns keep-id")


def _own():
    """Our own sandbox of the folder that has all that is needed: it is /app there."""
    def command(place, words):
        words = [word.replace(place.work, "/app") for word in words]
        return _as_user(place) + [place.preflight, "run", "--source", place.work, "--", "env"] + [word.replace(place.work, "/app") for word in place.variables] + words

    _add("own", "our own sandbox (`preflight run`)", command, [])


_own()


def _own_container():
    """Our own container of an ordinary config.json, which shows this machine's programs."""
    def command(place, words):
        bundle = os.path.join(place.scratch, "own-container")
        os.mkdir(bundle)
        subprocess.check_call([place.isolate, "spec", "--bundle", bundle])
        path = os.path.join(bundle, "config.json")
        with open(path) as file:
            settings = json.load(file)
        settings["root"] = {"path": os.path.join(place.work, "podman-root"), "readonly": True}
        settings["process"].update(args=words, terminal=False)
        settings["process"]["env"] += ["HOME=/home"] + place.variables
        for folder in ["/usr", "/etc", "/opt", place.work]:
            settings["mounts"].append({"destination": folder, "type": "none", "source": folder,
                                       "options": ["rbind", "ro"]})
        for folder in ["/tmp", "/home"]:
            settings["mounts"].append({"destination": folder, "type": "tmpfs", "source": "tmpfs",
                                       "options": ["nosuid", "nodev", "mode=1777"]})
        with open(path, "w") as file:
            json.dump(settings, file)
        os.chmod(path, 0o644)
        return _as_user(place) + [place.isolate, "--root", os.path.join(place.home, "state"), "run", "--bundle", bundle,
                                  "nest"]

    _add("own-container", "our own container (`isolate run` of an ordinary config.json)", command, [])


_own_container()
