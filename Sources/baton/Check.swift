// `baton check`: what a daemon would say to a file, before any daemon sees it, and what follows from the file if it is
// right.

import ArgumentParser
import Configuration
import Glibc

/// `baton check FILE`
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check a configuration file and show what follows from it.",
    discussion: """
      Every mistake is named with its line and column, then the status is 5. A file without mistakes is shown as what it \
      means: how fast a dead host is noticed, how long clients go without an answer, who holds what and what each probe \
      does. Warnings name what is allowed but probably not meant.

      The key file is checked too, as the daemon would, and whether the files that probes need are there; to check a file away from its hosts use --without-key and --node.
      """
  )

  @Argument(help: "The configuration file.", completion: .file(extensions: ["yaml", "yml"]))
  var file: String

  @Option(help: ArgumentHelp("See the cluster as this node, whatever this host is called.", valueName: "node"))
  var node: String?

  @Flag(help: "Leave the key file and the files of probes alone.")
  var withoutKey = false

  func run() throws {
    do throws(ConfigurationErrors) {
      let configuration = try Configuration.load(path: file, hostName: Self.hostName, node: node)
      if !withoutKey {
        _ = try KeyFile.load(path: configuration.keyFile)
        try ProbeFiles.check(configuration)
      }
      Terminal.complain(configuration.warnings.map(\.description))
      let report = ConfigurationReport(configuration, tick: Configuration.kernelTick)
      Terminal.write(report.lines.joined(separator: "\n") + "\n")
    } catch {
      Terminal.complain(error.diagnostics.map(\.description))
      throw Exit.invalidConfiguration
    }
  }

  /// This host's name, as uname(2) has it.
  private static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
