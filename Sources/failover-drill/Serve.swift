// The service behind the virtual address where nginx is not installed: a process of its own, so that it can be killed.

import ArgumentParser
import Drill

/// `failover-drill serve NAME FILE`: the service behind the address where nginx is not installed.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Serve HTTP on port 80.", shouldDisplay: false)

  @Argument(help: "What to answer.") var name: String
  @Argument(help: "While this file exists, /health answers 500.") var sickness: String

  func run() throws {
    try WebServer.serve(name: name, sickness: sickness)
  }
}
