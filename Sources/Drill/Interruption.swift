// Ctrl-C: the lab goes before the program does.

import Glibc

/// Clears up when the program is told to end.
package enum Interruption {
  /// From now on SIGINT, SIGTERM and SIGHUP clear the workspace up and end the program with 128 + the signal.
  ///
  /// To be called before any other thread is started: threads inherit who is deaf to these signals.
  package static func clearsUp(_ workspace: Workspace) throws(DrillError) {
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let waiting = signals
    var thread = pthread_t()
    let code = pthread_create(
      &thread,
      nil,
      { argument in
        guard let argument else { return nil }
        let context = Unmanaged<Context>.fromOpaque(argument).takeRetainedValue()
        var signals = context.signals
        var signal: Int32 = 0
        while sigwait(&signals, &signal) != 0 {}
        context.workspace.close(thenExit: 128 + signal)
      },
      Unmanaged.passRetained(Context(workspace: workspace, signals: waiting)).toOpaque()
    )
    guard code == 0 else { throw .system("start", "a thread", code: code) }
  }

  private final class Context: Sendable {
    let workspace: Workspace
    let signals: sigset_t

    init(workspace: Workspace, signals: sigset_t) {
      self.workspace = workspace
      self.signals = signals
    }
  }
}
