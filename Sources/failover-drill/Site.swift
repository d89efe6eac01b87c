// Where a drill takes place: enough privilege to make namespaces, a workspace that is cleared up whatever happens, the
// programs beside this one, and a clock for what is said on the way. The same for every command.

import ArgumentParser
import Drill
import Election
import Glibc

/// What a command needs in order to drill.
struct Site: Sendable {
  let workspace: Workspace
  /// The directory of this program and those it drills.
  let programs: String
  private let began = MonotonicClock.now

  /// The server to use where nginx is not installed.
  var fallbackService: [String] { [programs + "/failover-drill", "serve"] }

  /// Says what happens, with the time since the start.
  func narrate(_ line: String, to channel: Int32 = STDOUT_FILENO) {
    let tenths = Int((MonotonicClock.now - began).milliseconds / 100)
    write("[\(tenths / 10).\(tenths % 10) s] \(line)", to: channel)
  }
}

/// Options that say where to drill.
struct Place: ParsableArguments {
  @Flag(help: "Run in a user namespace even as root.")
  var userNamespace = false

  /// Does some drilling, and ends the program with its exit status unless that is 0.
  func run(_ body: (Site) throws(DrillError) -> Int32) throws {
    let status: Int32
    do throws(DrillError) {
      if !Privilege.isSufficient || userNamespace && getenv("FAILOVER_DRILL_NESTED") == nil {
        try Privilege.restartInUserNamespace(Array(CommandLine.arguments.dropFirst()))
      }
      let programs = try Privilege.programDirectory()
      let workspace = try Workspace()
      defer { workspace.close() }
      try Interruption.clearsUp(workspace)
      // A machine on which no lab can be built is told so once, not for every scenario.
      try Lab(workspace: workspace).tearDown()
      status = try body(Site(workspace: workspace, programs: programs))
    } catch {
      write("failover-drill: \(error)", to: STDERR_FILENO)
      throw ExitCode(2)
    }
    if status != 0 { throw ExitCode(status) }
  }
}

/// A time on the command line, such as `100ms` or `1s`.
struct Span: ExpressibleByArgument {
  let duration: Duration

  init(duration: Duration) {
    self.duration = duration
  }

  init?(argument: String) {
    let units: [(String, Duration)] = [("ms", .milliseconds(1)), ("s", .seconds(1)), ("m", .seconds(60))]
    guard let (suffix, unit) = units.first(where: { argument.hasSuffix($0.0) }),
      let count = Int(argument.dropLast(suffix.count)), count > 0, count <= 86_400_000
    else { return nil }
    duration = unit * count
  }

  var defaultValueDescription: String { duration.readable.filter { $0 != " " } }
}

/// Writes a line at once: who watches a drill wants to see it happen.
func write(_ line: String, to descriptor: Int32) {
  let bytes = Array((line + "\n").utf8)
  var rest = bytes[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    if count <= 0 { return }
    rest = rest.dropFirst(count)
  }
}
