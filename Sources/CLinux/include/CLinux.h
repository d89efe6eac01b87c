// What Glibc's Swift module does not bring: constants and calls of Linux that are macros or newer than the module.
#pragma once

#include <linux/if_addr.h>
#include <linux/if_packet.h>
#include <linux/memfd.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <sched.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

// glibc declares these for GNU sources only, and the importer does not count as one.

/// Puts the calling thread into the namespace that a descriptor refers to, setns(2).
int setns(int descriptor, int kind);
/// Gives the calling thread a new namespace, unshare(2).
int unshare(int flags);
/// A pipe whose descriptors do not leak into other threads' children, pipe2(2).
int pipe2(int descriptors[2], int flags);
/// A file in memory that has no name, memfd_create(2).
int memfd_create(const char *name, unsigned int flags);
/// Has a child close all descriptors from this one on, posix_spawn_file_actions_addclosefrom_np(3). glibc 2.34.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int first);
/// The name of an error number, such as "EPERM"; null for one that does not exist. glibc 2.32.
const char *strerrorname_np(int number);
/// The meaning of an error number, such as "Operation not permitted"; null for one that does not exist. glibc 2.32.
const char *strerrordesc_np(int number);

/// The name of a signal without its SIG, such as "KILL"; null for one that does not exist. glibc 2.32.
const char *sigabbrev_np(int number);

// open(2): a descriptor for a place rather than its content. <fcntl.h> has it for GNU sources only.
#ifndef O_PATH
#define O_PATH 010000000
#endif

// sched(7): what a real-time thread starts falls back to normal. <sched.h> has it for GNU sources only.
#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000
#endif

/// The kernel's timer tick, in nanoseconds: the clock that moves with it has this resolution, clock_getres(2).
static inline int64_t kernel_tick_nanoseconds(void) {
  struct timespec resolution = {0, 0};
  clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
  return (int64_t)resolution.tv_sec * 1000000000 + resolution.tv_nsec;
}

/// A descriptor that becomes readable when the process with this number ends, pidfd_open(2); −1 with errno. The number
/// is that of a process, not of a thread.
static inline int open_process(int number) { return (int)syscall(SYS_pidfd_open, number, 0); }

// The program's own code, as the linker laid it out (end(3)).
extern const char __executable_start[], etext[];
static inline const void *program_text_start(void) { return __executable_start; }
static inline size_t program_text_size(void) { return (size_t)(etext - __executable_start); }

/// Names the calling thread, and with the main thread the process, prctl(2), PR_SET_NAME: at most 15 bytes. The call
/// itself is variadic, which the importer refuses.
static inline void set_thread_name(const char *name) { prctl(PR_SET_NAME, name); }

// Starting a program as another user, which posix_spawn(3) cannot. See CLinux.c.

/// The step at which a program could not be started.
enum command_step {
  COMMAND_STEP_NONE,
  COMMAND_STEP_SESSION,
  COMMAND_STEP_DESCRIPTORS,
  COMMAND_STEP_DIRECTORY,
  COMMAND_STEP_USER,
  COMMAND_STEP_EXECUTE,
};

/// A program to be started, and how that failed.
struct command_start {
  /// The executable, and its arguments and environment, each list ended by a null.
  const char *path;
  char *const *arguments;
  char *const *environment;
  /// What become standard input, output and error; all above 2.
  int input, output, error;
  /// Whether the user is changed, and to whom.
  int changes_user;
  uid_t uid;
  gid_t gid;
  const gid_t *groups;
  size_t group_count;
  /// Written by the child: where it failed, and the error number.
  enum command_step failed_step;
  int failed_code;
};

/// Starts a program in a session of its own, with default signals, ordinary scheduling, an unadjusted oom score and no
/// descriptors but the three; it is killed when the calling thread ends. Returns its process id, or -1 with errno set. A
/// child that failed before it became the program says so in `failed_step` and has to be collected all the same.
pid_t start_command(struct command_start *start);
