// Starting a program as somebody else. posix_spawn(3) cannot change the user, and fork(2) would have the whole agent
// copied on write while it sends heartbeats; so this is vfork(2), whose child may do little, and does it in C.
//
// The child shares the agent's memory until it has become the program, so it makes system calls and nothing else: no
// allocation, no lock, and the calls that change the user raw, because glibc's wrappers would have all threads of the
// agent follow (nptl(7), "NPTL and signals"). No signal handler may run in it, so all signals are blocked before.

#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static void fail(volatile struct command_start *start, enum command_step step) {
  start->failed_step = step;
  start->failed_code = errno;
  _exit(127);
}

static void become(struct command_start *start) {
  if (setsid() < 0) fail(start, COMMAND_STEP_SESSION);
  if (dup2(start->input, 0) < 0 || dup2(start->output, 1) < 0 || dup2(start->error, 2) < 0)
    fail(start, COMMAND_STEP_DESCRIPTORS);
  // All are marked to be closed anyway; this is for those of libraries that are not.
  syscall(SYS_close_range, 3U, UINT_MAX, 0U);
  if (chdir("/") < 0) fail(start, COMMAND_STEP_DIRECTORY);

  // What the agent has of these is for heartbeats alone. Whoever may not change them never had them.
  const struct sched_param ordinary = {.sched_priority = 0};
  sched_setscheduler(0, SCHED_OTHER, &ordinary);
  setpriority(PRIO_PROCESS, 0, 0);
  int score = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  char sign = 0;
  if (score >= 0 && pread(score, &sign, 1, 0) == 1 && sign == '-') {
    ssize_t written = pwrite(score, "0", 1, 0);
    (void)written;
  }

  // The kernel's struct sigaction, of which all zeros is SIG_DFL; glibc's call leaves out its own two signals.
  const char ordinary_action[64] = {0};
  for (int number = 1; number < NSIG; number++) syscall(SYS_rt_sigaction, number, ordinary_action, NULL, _NSIG / 8);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);

  // Last, so that the other user can reach this process for no longer than must be.
  if (start->changes_user) {
    if (syscall(SYS_setgroups, start->group_count, start->groups) < 0) fail(start, COMMAND_STEP_USER);
    if (syscall(SYS_setresgid, start->gid, start->gid, start->gid) < 0) fail(start, COMMAND_STEP_USER);
    if (syscall(SYS_setresuid, start->uid, start->uid, start->uid) < 0) fail(start, COMMAND_STEP_USER);
  }
  // After the change of user, which takes it away. Nobody would stop the program when its time is up.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execve(start->path, start->arguments, start->environment);
  fail(start, COMMAND_STEP_EXECUTE);
}

pid_t start_command(struct command_start *start) {
  sigset_t all, former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  // A change of user makes the memory, which is the agent's until the program begins, private to the kernel.
  int dumpable = prctl(PR_GET_DUMPABLE);
  start->failed_step = COMMAND_STEP_NONE;
  pid_t pid = vfork();
  if (pid == 0) become(start);
  int code = errno;
  if (start->changes_user && dumpable == 1) prctl(PR_SET_DUMPABLE, 1);
  pthread_sigmask(SIG_SETMASK, &former, NULL);
  errno = code;
  return pid;
}
