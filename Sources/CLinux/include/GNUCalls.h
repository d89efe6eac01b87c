// Calls of the C library that hide behind _GNU_SOURCE, which Swift's importer does not set.
#pragma once

#include <linux/sched.h>

/// Moves the calling thread, and it alone, into the namespace that a descriptor refers to: setns(2).
extern int setns(int descriptor, int type);

/// A pipe whose descriptors do not leak into other threads' children: pipe2(2).
extern int pipe2(int descriptors[2], int flags);
