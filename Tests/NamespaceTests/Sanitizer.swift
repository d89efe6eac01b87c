// A sanitizer keeps freed memory for later, and shadows of all of it: what a process takes then says nothing.

import Glibc

enum Sanitizer {
  /// Whether the tests run with a sanitizer (etc/sanitize).
  static let isOn = getenv("BATON_SANITIZER") != nil
}
