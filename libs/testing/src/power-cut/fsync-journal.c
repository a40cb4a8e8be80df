// Writes down how far each file is safe from a power cut: the length that it had before an fsync that then succeeded. Loaded into
// Redis by LD_PRELOAD. A line when a call begins and one when it has succeeded: inode, length in bytes, begin and end in epoch
// milliseconds; the end is 0 as long as the call is under way.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void note(const struct stat *file, long long began, long long ended) {
  const char *path = getenv("FSYNC_JOURNAL");
  if (path == NULL) return;
  const int journal = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (journal < 0) return;
  char line[128];
  const int length = snprintf(line, sizeof line, "%llu %lld %lld %lld\n", (unsigned long long)file->st_ino,
                              (long long)file->st_size, began, ended);
  if (write(journal, line, (size_t)length) != length) abort();
  close(journal);
}

static int sync_and_note(long call, int fd) {
  struct stat before;
  const int is_known = fstat(fd, &before) == 0;
  const long long began = now_ms();
  if (is_known) note(&before, began, 0);
  const int result = (int)syscall(call, fd);
  if (is_known && result == 0) note(&before, began, now_ms());
  return result;
}

int fsync(int fd) { return sync_and_note(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_and_note(SYS_fdatasync, fd); }
