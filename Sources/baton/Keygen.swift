// `baton keygen`: the secret that makes a heartbeat believable.

import ArgumentParser
import Configuration
import Glibc

/// `baton keygen [FILE]`
struct Keygen: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a key file that only its owner can read.",
    discussion: """
      Copy it to every node of the cluster. An existing file is never overwritten, because a lost key parts a running \
      cluster. To replace a key, make one with another --id and have both in the file until every node has it.
      """
  )

  @Argument(help: "The file to make.", completion: .file())
  var file = "/etc/baton/key"

  @Option(help: ArgumentHelp("The key's number, 0 to 255.", valueName: "number"))
  var id: UInt8 = 1

  func run() throws {
    do throws(KeyGenerationError) {
      _ = try KeyFile.generate(path: file, id: id)
      Terminal.write("\(file) holds a new key with the number \(id); copy it to every node, readable by root alone\n")
    } catch {
      Terminal.complain(error.description)
      throw error.code == EACCES || error.code == EPERM ? Exit.notPermitted : Exit.failed
    }
  }
}
