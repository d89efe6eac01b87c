// What Glibc's Swift module does not bring: constants and calls of Linux that are macros or newer than the module.
#pragma once

#include <linux/if_addr.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

// glibc 2.32: the name ("EPERM") and the meaning of an error number; null for one that does not exist. <string.h>
// declares them for GNU sources only, and the importer does not always count as one.
const char *strerrorname_np(int number);
const char *strerrordesc_np(int number);

// sched(7): what a real-time thread starts falls back to normal. <sched.h> has it for GNU sources only.
#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000
#endif
