import Foundation
import TestSupport

/// A small static program that tries what busybox cannot, compiled once for each run of the tests.
enum Probe {
  struct CompilerError: Error, CustomStringConvertible {
    var description: String
  }

  /// The program's bytes, or why there is none.
  static let program = Result<[UInt8], any Error> { try compile() }

  private static func compile() throws -> [UInt8] {
    guard let compiler = Program(onPath: "gcc") else { throw CompilerError(description: "no gcc on PATH") }
    let folder = try TemporaryDirectory()
    try folder.write(source, to: "probe.c")
    let process = Process()
    process.executableURL = URL(filePath: compiler.path)
    process.arguments = ["-static", "-O1", "-w", "-o", folder.path("probe"), folder.path("probe.c")]
    process.standardInput = nil
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw CompilerError(description: "gcc cannot link statically")
    }
    return Array(try Data(contentsOf: URL(filePath: folder.path("probe"))))
  }

  private static let source = prelude + systemCalls + sockets + verbs

  private static let prelude = #"""
    #define _GNU_SOURCE
    #include <arpa/inet.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <linux/sched.h>
    #include <sched.h>
    #include <signal.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/ioctl.h>
    #include <sys/prctl.h>
    #include <sys/socket.h>
    #include <sys/stat.h>
    #include <sys/syscall.h>
    #include <sys/sysmacros.h>
    #include <sys/un.h>
    #include <sys/wait.h>
    #include <time.h>
    #include <unistd.h>
    #ifndef SYS_fsopen
    #define SYS_open_tree 428
    #define SYS_move_mount 429
    #define SYS_fsopen 430
    #endif
    #ifndef SYS_mount_setattr
    #define SYS_mount_setattr 442
    #endif
    #ifndef RENAME_EXCHANGE
    #define RENAME_EXCHANGE 2
    #endif
    #ifndef CLONE_NEWUSER
    #define CLONE_NEWUSER 0x10000000
    #endif

    static void report(const char *name, long result) {
      printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "ok");
      fflush(stdout);
    }

    /* For calls that return twice where they are not refused. */
    static void report_clone(const char *name, long pid) {
      if (pid == 0) _exit(0);
      report(name, pid);
    }

    """#

  private static let systemCalls = #"""
    static void calls(int with_users) {
      char text[4096] = {0};
      struct clone_args args = {.exit_signal = SIGCHLD};
      /* After it the caller has every capability, in its new namespace. */
      if (with_users) report("unshare", syscall(SYS_unshare, CLONE_NEWUSER));
      report("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, 0));
      report("umount2", syscall(SYS_umount2, "/proc", 2));
      report("pivot_root", syscall(SYS_pivot_root, ".", "."));
      report("chroot", syscall(SYS_chroot, "/"));
      report("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
      report("open_tree", syscall(SYS_open_tree, -100, "/", 1));
      report("move_mount", syscall(SYS_move_mount, -100, "/", -100, "/tmp", 0));
      report("mount_setattr", syscall(SYS_mount_setattr, -100, "/", 0, text, 32));
      report("keyctl", syscall(SYS_keyctl, 0, -3, 0, 0, 0));
      report("add_key", syscall(SYS_add_key, "user", "a", "b", 1, -3));
      report("bpf", syscall(SYS_bpf, 0, text, 64));
      report("userfaultfd", syscall(SYS_userfaultfd, 1));
      report("io_uring_setup", syscall(425, 4, text));
      report("perf_event_open", syscall(SYS_perf_event_open, text, 0, -1, -1, 0));
      report("open_by_handle_at", syscall(SYS_open_by_handle_at, -100, text, 0));
      report("setns", syscall(SYS_setns, open("/proc/self/ns/net", O_RDONLY), 0));
      report("init_module", syscall(SYS_init_module, text, 1, ""));
      report("kexec_load", syscall(SYS_kexec_load, 0, 0, 0, 0));
      report("reboot", syscall(SYS_reboot, 0, 0, 0, 0));
      report("settimeofday", syscall(SYS_settimeofday, text, 0));
      report("syslog", syscall(SYS_syslog, 3, text, 100));
      report("personality", syscall(SYS_personality, 0x0040000));
      report("mknod", syscall(SYS_mknodat, -100, "/dev/shm/node", S_IFCHR | 0666, makedev(1, 3)));
      report("setuid", syscall(SYS_setuid, 12345));
      report("AF_ALG", socket(38, SOCK_SEQPACKET, 0));
      report("AF_VSOCK", socket(40, SOCK_STREAM, 0));
      report("AF_PACKET", socket(17, SOCK_RAW, 0));
      report("raw", socket(AF_INET, SOCK_RAW, 1));
      report("AF_INET", socket(AF_INET, SOCK_STREAM, 0));
      report("AF_UNIX", socket(AF_UNIX, SOCK_STREAM, 0));
      report_clone("clone3", syscall(435, &args, sizeof args));
      report_clone("CLONE_NEWUSER", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
      report_clone("CLONE_NEWNS", syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0));
      report_clone("clone", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    }

    static void terminal(void) {
      char letter = '!';
      report("TIOCSTI", ioctl(0, TIOCSTI, &letter));
      report("TIOCSTI-high-bits", syscall(SYS_ioctl, 0, TIOCSTI | 1ul << 32, &letter));
      report("tty", open("/dev/tty", O_RDWR));
    }

    static void program_of(const char *pid) {
      char path[64];
      snprintf(path, sizeof path, "/proc/%s/exe", pid);
      report("read", open(path, O_RDONLY));
      report("write", open(path, O_WRONLY));
      report("append", open(path, O_RDWR | O_APPEND));
      report("truncate", truncate(path, 0));
    }

    """#

  private static let sockets = #"""
    static struct sockaddr_in address(const char *host, const char *port) {
      struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
      inet_pton(AF_INET, host, &in.sin_addr);
      return in;
    }

    static void greet(int fd) {
      char text[64] = {0};
      ssize_t n = read(fd, text, sizeof text - 1);
      printf("heard %s\n", n > 0 ? text : "nothing");
    }

    static void connect_to(const char *host, const char *port) {
      struct sockaddr_in in = address(host, port);
      int fd = socket(AF_INET, SOCK_STREAM, 0);
      int r = connect(fd, (struct sockaddr *)&in, sizeof in);
      report("connect", r);
      if (r == 0) greet(fd);
    }

    /* Greets `count` callers. */
    static void serve(const char *host, const char *port, int count) {
      struct sockaddr_in in = address(host, port);
      int fd = socket(AF_INET, SOCK_STREAM, 0);
      report("bind", bind(fd, (struct sockaddr *)&in, sizeof in));
      report("listen", listen(fd, 5));
      while (count--) {
        int caller = accept(fd, 0, 0);
        write(caller, "hello", 5);
        close(caller);
      }
    }

    static void connect_abstract(const char *name) {
      struct sockaddr_un un = {.sun_family = AF_UNIX};
      strcpy(un.sun_path + 1, name);
      int fd = socket(AF_UNIX, SOCK_STREAM, 0);
      report("abstract", connect(fd, (struct sockaddr *)&un, 3 + strlen(name)));
    }

    """#

  private static let verbs = #"""
    static void descriptors(void) {
      for (int fd = 0; fd < 4096; fd++)
        if (fcntl(fd, F_GETFD) >= 0) printf("%d\n", fd);
    }

    /* Leaves a grandchild to PID 1 and waits until it has been reaped. */
    static int orphan(void) {
      int ends[2];
      pid_t grandchild = 0;
      pipe(ends);
      if (fork() == 0) {
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        write(ends[1], &pid, sizeof pid);
        _exit(0);
      }
      wait(0);
      read(ends[0], &grandchild, sizeof grandchild);
      struct timespec pause = {0, 2000000};
      for (int i = 0; i < 5000 && kill(grandchild, 0) == 0; i++) nanosleep(&pause, 0);
      report("orphan", kill(grandchild, 0));
      return 0;
    }

    /* sd_notify(3). */
    static int notify(const char *text) {
      struct sockaddr_un address = {AF_UNIX};
      const char *path = getenv("NOTIFY_SOCKET");
      if (!path) return 1;
      strcpy(address.sun_path, path);
      int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
      return sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, sizeof address) < 0;
    }

    /* Says that it is ready and waits for SIGTERM, with a child that does not end by itself. */
    static int await_signal(void) {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGTERM);
      sigprocmask(SIG_BLOCK, &set, 0);
      if (fork() == 0) for (;;) pause();
      puts("ready");
      fflush(stdout);
      if (sigwaitinfo(&set, 0) == SIGTERM) puts("caught");
      return 42;
    }

    /* Swaps two names until its parent ends. */
    static void race(const char *one, const char *other) {
      // PR_SET_PDEATHSIG would be sent when the thread that forked ends, not the process.
      pid_t parent = getppid();
      puts("racing");
      fflush(stdout);
      while (getppid() == parent) {
        for (int i = 0; i < 1000; i++) syscall(SYS_renameat2, -100, one, -100, other, RENAME_EXCHANGE);
        // As long as a start takes: each meets both, and the others' tests have a processor.
        usleep(3000);
      }
    }

    /* Runs a program with `count` descriptors of a folder that it inherits. */
    static void leak(const char *folder, int count, char **command) {
      while (count--) open(folder, O_RDONLY | O_DIRECTORY);
      execv(command[0], command);
      perror("execv");
    }

    int main(int argc, char **argv) {
      const char *verb = argc > 1 ? argv[1] : "";
      if (!strcmp(verb, "calls")) calls(1);
      if (!strcmp(verb, "calls-without-users")) calls(0);
      if (!strcmp(verb, "notify")) return notify(argv[2]);
      if (!strcmp(verb, "terminal")) terminal();
      if (!strcmp(verb, "program-of")) program_of(argv[2]);
      if (!strcmp(verb, "connect")) connect_to(argv[2], argv[3]);
      if (!strcmp(verb, "serve")) serve(argv[2], argv[3], atoi(argv[4]));
      if (!strcmp(verb, "abstract")) connect_abstract(argv[2]);
      if (!strcmp(verb, "descriptors")) descriptors();
      if (!strcmp(verb, "orphan")) return orphan();
      if (!strcmp(verb, "await-signal")) return await_signal();
      if (!strcmp(verb, "race")) race(argv[2], argv[3]);
      if (!strcmp(verb, "leak")) leak(argv[2], atoi(argv[3]), argv + 4);
      if (!strcmp(verb, "crash")) *(volatile int *)0 = 1;
    #ifdef __x86_64__
      if (!strcmp(verb, "int80")) {
        long result = 20; /* getpid of the 32-bit table */
        __asm__ volatile("int $0x80" : "+a"(result));
        report("int80", result);
      }
    #endif
      return 0;
    }
    """#
}
