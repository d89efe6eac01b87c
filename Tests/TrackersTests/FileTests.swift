// Files are written, renamed and removed, and the client is told without asking.

import Glibc
import Health
import Testing

@testable import Trackers

extension TrackerTests {
  @Suite struct FileTests {
    let directory: Directory
    let stage: Stage

    init() throws {
      directory = try Directory()
      stage = try Stage()
    }

    private func watch(_ rule: FileWatch.Rule) -> Watch { .file(FileWatch(path: "\(directory.path)/w", rule: rule)) }

    @Test func theNumberInAFileIsTheWeight() throws {
      let sightings = try stage.watch(watch(.weight))
      let absent = try sightings.next()
      #expect(absent.outcome.isSuccess && absent.weight == 0)
      try directory.replace("w", by: "-50\n")
      #expect(try sightings.next().weight == -50)
      try directory.replace("w", by: "  254 ")
      #expect(try sightings.next().weight == 254)
      try directory.replace("w", by: "0")
      #expect(try sightings.next().weight == 0)
      try sightings.stop()
      try stage.end()
    }

    @Test(arguments: [
      ("much", "`much`"), ("", "nothing"), ("255", "`255`"), ("-255", "`-255`"), ("\u{1b}[2J", "`?[2J`"),
    ])
    func whatIsNoWeightIsTold(content: String, shown: String) throws {
      try directory.write(content, to: "w")
      let sightings = try stage.watch(watch(.weight))
      let result = try sightings.next()
      #expect(
        result.outcome == .unmet("\(directory.path)/w holds \(shown), not a number from -254 to 254")
          && !result.isDecisive
      )
      try sightings.stop()
      try stage.end()
    }

    @Test func whatCannotBeReadIsTold() throws {
      try run(["mkdir", "\(directory.path)/w"])
      let sightings = try stage.watch(watch(.weight))
      #expect(try sightings.next().outcome.words.hasPrefix("cannot read \(directory.path)/w: "))
      try sightings.stop()
      try stage.end()
    }

    @Test(arguments: [FileWatch.Rule.exists, .isAbsent])
    func whatCannotBeLookedAtIsNoVerdictByItself(_ rule: FileWatch.Rule) throws {
      if rule == .exists { try directory.write("", to: "w") }
      let sightings = try stage.watch(watch(rule))
      #expect(try sightings.next().outcome.isSuccess)
      // A link to itself leads nowhere; that it came is news.
      let link = "\(directory.path)/w"
      let spare = "\(directory.path)/spare"
      try #require(symlink(link, spare) == 0 && rename(spare, link) == 0)
      let result = try sightings.next()
      #expect(result.outcome == .unmet("cannot look at \(link): ELOOP (Too many levels of symbolic links)"))
      #expect(!result.isDecisive)
      try sightings.stop()
      try stage.end()
    }

    @Test func aFileThatMustNotExist() throws {
      let sightings = try stage.watch(watch(.isAbsent))
      #expect(try sightings.next().outcome.isSuccess)
      try directory.write("", to: "w")
      #expect(
        try sightings.next() == ProbeResult(outcome: .unmet("\(directory.path)/w exists"), isDecisive: true)
      )
      directory.remove("w")
      try waitUntil("the file is told to be gone") { sightings.all.last?.outcome.isSuccess == true }
      try sightings.stop()
      try stage.end()
    }

    @Test func aDirectoryThatComesLaterIsWatchedFromThenOn() throws {
      let path = "\(directory.path)/later/w"
      let sightings = try stage.watch(.file(FileWatch(path: path, rule: .exists)))
      #expect(try sightings.next().outcome == .unmet("\(path) does not exist"))
      try run(["mkdir", "\(directory.path)/later"])
      try sightings.ask()
      #expect(try !sightings.next().outcome.isSuccess)
      try directory.write("", to: "later/w")
      try waitUntil("the file is told to be there") { sightings.all.last?.outcome.isSuccess == true }
      try run(["rm", "-r", "\(directory.path)/later"])
      try waitUntil("the file is told to be gone") { sightings.all.last?.outcome.isSuccess == false }
      try sightings.stop()
      try stage.end()
    }
  }
}
