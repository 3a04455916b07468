// usage: landlock-domain COUNT PROGRAM [ARGUMENT...]
//
// Runs a program within so many Landlock domains (landlock(7)), each of which keeps it from making block devices and
// no more. Whatever the program starts is in them too. In a domain nothing can be mounted, and 16 is the most.
#define _GNU_SOURCE
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **words) {
  struct landlock_ruleset_attr rules = {.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_BLOCK};
  if (count < 3) return fprintf(stderr, "usage: landlock-domain COUNT PROGRAM [ARGUMENT...]\n"), 2;
  int set = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
  if (set < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return perror("landlock-domain"), 2;
  for (int left = atoi(words[1]); left > 0; left--)
    if (syscall(SYS_landlock_restrict_self, set, 0) < 0) return perror("landlock-domain: landlock_restrict_self"), 2;
  close(set);
  execv(words[2], words + 2);
  perror(words[2]);
  return 2;
}
