// Standard output as it is: a terminal with a width and colours, or a pipe that wants plain text.

import Glibc

/// What standard output can show.
enum Terminal {
  /// Whether standard output is a terminal.
  static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }

  /// Colour on a terminal, unless NO_COLOR is set (no-color.org) or the terminal is dumb; the width of a terminal.
  static var canvas: Canvas {
    guard isInteractive else { return Canvas() }
    let isDumb = environment("TERM").map { $0 == "dumb" } ?? true
    return Canvas(isColoured: environment("NO_COLOR") == nil && !isDumb, width: size?.columns)
  }

  /// Rows and columns; nil when they cannot be told.
  static var size: (rows: Int, columns: Int)? {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
    return (Int(size.ws_row), Int(size.ws_col))
  }

  /// Writes all of `text` to standard output at once, unbuffered, so that a follower sees each line as it happens.
  static func write(_ text: String) {
    write(text, to: STDOUT_FILENO)
  }

  /// Writes a complaint and what to do about it to standard error.
  static func complain(_ message: String, hint: String? = nil) {
    write("baton: \(message)\n" + (hint.map { "hint: \($0)\n" } ?? ""), to: STDERR_FILENO)
  }

  /// Writes lines that say themselves what they are about to standard error.
  static func complain(_ lines: [String]) {
    write(lines.map { $0 + "\n" }.joined(), to: STDERR_FILENO)
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        // Nobody can be told that output is gone.
        return
      }
    }
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}

/// A full-screen view that is redrawn in place, and is left as it was found on Ctrl-C.
enum Screen {
  /// Switches to the alternate screen and hides the cursor (xterm's 1049, DEC's 25); call `end` when done.
  static func begin() {
    leaveOnInterrupt { _ in
      Screen.end()
      _exit(0)
    }
    Terminal.write("\u{1b}[?1049h\u{1b}[?25l")
  }

  /// Puts the former screen back. A signal handler calls it: only what is safe there (signal-safety(7)), no allocation.
  static func end() {
    let sequence: StaticString = "\u{1b}[?25h\u{1b}[?1049l"
    _ = Glibc.write(STDOUT_FILENO, sequence.utf8Start, sequence.utf8CodeUnitCount)
  }

  /// Shows `text` from the top, as much of it as fits.
  static func show(_ text: String) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if let rows = Terminal.size?.rows, lines.count > rows {
      let hidden = lines.count - rows + 1
      lines = lines.prefix(rows - 1) + ["… \(hidden) more lines"]
    }
    Terminal.write("\u{1b}[H" + lines.joined(separator: "\u{1b}[K\r\n") + "\u{1b}[J")
  }
}

/// Makes Ctrl-C and SIGTERM end the program with success: that is how a stream is meant to end.
func leaveOnInterrupt(_ handler: @escaping @convention(c) (Int32) -> Void = { _ in _exit(0) }) {
  for signal in [SIGINT, SIGTERM] {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = handler
    sigaction(signal, &action, nil)
  }
}
