// What fuzzing starts from and what it has found, fed to the same doors again: every promise is kept. A find is pinned
// by copying the fuzzer's file into the folder of its target.

import Foundation
import Fuzzing
import Testing

@Suite("Corpus of the fuzzer")
struct CorpusTests {
  private static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpus")

  /// The files of one target, in the order of their names.
  private static func files(of target: FuzzTarget) throws -> [URL] {
    try FileManager.default
      .contentsOfDirectory(at: directory.appending(path: target.rawValue), includingPropertiesForKeys: nil)
      .sorted { $0.path < $1.path }
  }

  @Test("every promise is kept", arguments: FuzzTarget.allCases)
  func replay(target: FuzzTarget) throws {
    var understood = 0
    for file in try Self.files(of: target) {
      do {
        if try target.feed([UInt8](Data(contentsOf: file))) { understood += 1 }
      } catch {
        Issue.record("\(file.lastPathComponent): \(error)")
      }
    }
    // A corpus that is refused as a whole fuzzes nothing but the refusal: the format has moved on without it.
    #expect(understood > 0)
  }

  @Test("bytes that are none of the format are refused", arguments: FuzzTarget.allCases)
  func refusal(target: FuzzTarget) throws {
    #expect(try target.feed([]) == false)
    #expect(try target.feed([UInt8](repeating: 0xff, count: 200)) == false)
  }

  @Test("folders and targets are the same")
  func folders() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
    #expect(Set(names) == Set(FuzzTarget.allCases.map(\.rawValue)))
  }
}
