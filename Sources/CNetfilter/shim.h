// nf_tables as the kernel's headers describe it: numbers of messages, attributes and expressions. Nothing to link: the
// messages themselves are built with libnl-3.
// First, so that the kernel leaves to the C library what both define.
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
