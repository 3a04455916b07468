// usage: program-racer watch DEVICE INODE | swap NAME NAME
//
// Tries to get hold of a runtime's own program from inside a container, and writes nothing through what it gets.
//
// watch: opens /proc/PID/exe of the newest processes, over and over. A line for each kind of file it could open:
//   "installed" (the file with this device and inode), "unsealed" (a memfd that could be written), "sealed" (one that
//   could not), "other" (such as another container's program). Ends with its container.
// swap: exchanges two names over and over (renameat2(2), RENAME_EXCHANGE).
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int said;

static void say(int bit, const char *line) {
  if (said & bit) return;
  said |= bit;
  (void)!write(1, line, strlen(line));
}

static void look(int directory, const char *process, dev_t device, ino_t inode) {
  char path[300];
  struct stat st;
  snprintf(path, sizeof path, "%s/exe", process);
  int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (fstat(fd, &st) == 0) {
    int seals = fcntl(fd, F_GET_SEALS);
    if (st.st_dev == device && st.st_ino == inode) say(1, "installed\n");
    else if (st.st_nlink > 0 || seals < 0) say(16, "other\n");
    else if (seals & F_SEAL_WRITE) say(2, "sealed\n");
    else say(4, "unsealed\n");
  }
  close(fd);
}

static int watch(dev_t device, ino_t inode) {
  int directory = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return 1;
  say(8, "watching\n");
  for (;;) {
    // Its last word is the newest process (proc_loadavg(5)); those around it, and those that are about to be.
    char text[100] = "", name[24];
    int loads = openat(directory, "loadavg", O_RDONLY | O_CLOEXEC);
    (void)!read(loads, text, sizeof text - 1);
    close(loads);
    char *last = strrchr(text, ' ');
    int newest = last ? atoi(last) : 0;
    for (int next = newest - 3; next < newest + 4; next++) {
      if (next <= 0 || next == getpid()) continue;
      snprintf(name, sizeof name, "%d", next);
      look(directory, name, device, inode);
    }
  }
}

int main(int count, char **words) {
  if (count == 4 && strcmp(words[1], "watch") == 0) return watch(strtoull(words[2], 0, 10), strtoull(words[3], 0, 10));
  if (count == 4 && strcmp(words[1], "swap") == 0) {
    (void)!write(1, "swapping\n", 9);
    for (;;)
      if (renameat2(AT_FDCWD, words[2], AT_FDCWD, words[3], RENAME_EXCHANGE) < 0) return 1;
  }
  return 2;
}
