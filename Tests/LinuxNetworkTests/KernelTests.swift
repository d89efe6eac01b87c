// Tests against the running kernel, in network namespaces of their own. They need root and fail without it.

import Testing

/// All tests that use namespaces, one after the other: they measure waits and share two cores.
@Suite(.serialized) enum KernelTests {}
