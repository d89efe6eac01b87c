import Control
import Glibc
import Testing

@Suite("Group file")
struct GroupDatabaseTests {
  private let database = GroupDatabase(
    text: """
      root:x:0:
      # a comment
      baton:x:998:alice,bob

      broken:x
      empty:x::
      :x:5:
      7:x:70:
      last:x:1000:carol
      """
  )

  @Test("groups are found by name, numbers stand for themselves, anything else is none")
  func lookup() {
    #expect(database.id(of: "root") == 0)
    #expect(database.id(of: "baton") == 998)
    #expect(database.id(of: "last") == 1000)
    #expect(database.id(of: "4711") == 4711)
    #expect(database.id(of: "7") == 70, "a group's name goes before a number")
    for name in ["broken", "empty", "", "# a comment", "nobody", "-1", "4294967295"] {
      #expect(database.id(of: name) == nil, "\(name)")
    }
    #expect(database.name(of: 998) == "baton")
    #expect(database.name(of: 5) == nil)
  }

  @Test("the system's file is readable and knows root; a missing one is an error with its path")
  func files() throws {
    #expect(try GroupDatabase(path: GroupDatabase.systemPath).id(of: "root") == 0)
    let error = #expect(throws: SystemError.self) { try GroupDatabase(path: "/no/such/file") }
    #expect(error?.description == "open /no/such/file: ENOENT (No such file or directory)")
  }
}
