// Tells the thread sanitizer of the locks that it cannot see. `Synchronization.Mutex` takes a free lock in the code that uses it,
// which is built with the sanitizer; a contended one is taken and left by libswiftSynchronization, which is not, and so what
// one thread wrote before it left such a lock seems to race with what the next one reads (stdlib/public/Synchronization/
// Mutex/LinuxImpl.swift). etc/sanitize preloads this: it goes on to the library, and says where the lock is.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// compiler-rt/include/sanitizer/tsan_interface.h; absent in a program without the sanitizer.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

static void *next(const char *name) {
  void *function = dlsym(RTLD_NEXT, name);
  if (function == NULL) abort();
  return function;
}

SWIFT void lock_slow(uint32_t thread, SELF self) __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT void lock_slow(uint32_t thread, SELF self) {
  SWIFT void (*lock)(uint32_t, SELF) = next("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
  lock(thread, self);
  if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT void unlock_slow(SELF self) __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
SWIFT void unlock_slow(SELF self) {
  SWIFT void (*unlock)(SELF) = next("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
  if (__tsan_release) __tsan_release(self);
  unlock(self);
}
