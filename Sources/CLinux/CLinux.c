#define _GNU_SOURCE
#include "CLinux.h"

int enter_network_namespace(int descriptor) { return setns(descriptor, CLONE_NEWNET); }
