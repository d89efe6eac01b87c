// Network namespaces: setns(2) hides behind _GNU_SOURCE, which Swift's importer does not set.
#pragma once

#include <linux/sched.h>

/// Moves the calling thread (and it alone) into the network namespace that `descriptor` refers to: setns(2).
/// Returns 0, or -1 with errno.
int enter_network_namespace(int descriptor);
