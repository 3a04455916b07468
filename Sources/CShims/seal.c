// A tree that is kept for others, and known again by what no program can set: the times at which the kernel last
// changed anything of a file (inode(7), ctime).
#include "isl_tree.h"

#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static _Thread_local struct isl_seal *current;
static _Thread_local size_t prefix;

static int settle(const char *path, const struct stat *st, int kind, struct FTW *place) {
  (void)kind, (void)place;
  if (lchown(path, geteuid(), getegid()) < 0) return errno;
  if (S_ISLNK(st->st_mode)) return 0;
  mode_t own = st->st_mode & 0700;
  return chmod(path, own | (own & 0500) >> 3 | (own & 0500) >> 6) < 0 ? errno : 0;
}

int isl_settle_tree(const char *path) {
  int r = nftw(path, settle, 64, FTW_PHYS);
  return r < 0 ? -errno : -r;
}

static uint64_t mixed(uint64_t sum, const void *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) sum = (sum ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
  return sum;
}

static int look(const char *path, const struct stat *st, int kind, struct FTW *place) {
  (void)place;
  if (kind == FTW_DNR || kind == FTW_NS) return EACCES;
  int is_file = S_ISREG(st->st_mode);
  // What has another name can be written to by that one.
  if (st->st_uid != geteuid() || (is_file && st->st_nlink > 1)) return EXDEV;
  if (!is_file && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode)) return EXDEV;
  uint64_t words[] = {st->st_mode, (uint64_t)st->st_size, (uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec};
  if (S_ISDIR(st->st_mode)) words[1] = 0;
  const char *name = path + prefix;
  current->entries++;
  current->sum += mixed(mixed(14695981039346656037u, name, strlen(name)), words, sizeof words);
  if (st->st_ctim.tv_sec > current->seconds) current->nanoseconds = 0;
  if (st->st_ctim.tv_sec < current->seconds) return 0;
  current->seconds = st->st_ctim.tv_sec;
  if ((uint32_t)st->st_ctim.tv_nsec > current->nanoseconds) current->nanoseconds = (uint32_t)st->st_ctim.tv_nsec;
  return 0;
}

int isl_seal_tree(const char *path, struct isl_seal *seal) {
  memset(seal, 0, sizeof *seal);
  current = seal;
  prefix = strlen(path);
  int r = nftw(path, look, 64, FTW_PHYS);
  return r < 0 ? -errno : -r;
}

int isl_seal_is_past(const struct isl_seal *seal) {
  struct timespec now, moment = {0, 1000000};
  // A filesystem without parts of a second would give a later change the same time.
  if (seal->nanoseconds == 0) return 0;
  for (int i = 0; i < 100; i++) {
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec > seal->seconds) return 1;
    if (now.tv_sec == seal->seconds && (uint32_t)now.tv_nsec > seal->nanoseconds) return 1;
    nanosleep(&moment, NULL);
  }
  return 0;
}
