import Control
import Testing

@Suite("User file")
struct UserDatabaseTests {
  private let database = UserDatabase(
    text: """
      root:x:0:0:root:/root:/bin/bash
      # a comment
      check:x:990:991:Checks:/var/lib/check:/usr/sbin/nologin
      short:x:1
      nohome:x:7:8:::
      """
  )

  @Test("users are found by name or by two numbers, anything else is nobody")
  func lookup() {
    let check = database.user("check")
    #expect(check?.id == 990 && check?.group == 991 && check?.home == "/var/lib/check")
    #expect(database.user("nohome")?.home == "/")
    let numbers = database.user("990:7")
    #expect(numbers?.name == "check" && numbers?.id == 990 && numbers?.group == 7 && numbers?.home == "/var/lib/check")
    #expect(database.user("4711:4712")?.name == "4711")
    for name in ["short", "", "990", "-1:0", "4294967295:0", "0:4294967295", "1:2:3", "# a comment"] {
      #expect(database.user(name) == nil, "\(name)")
    }
  }

  @Test("a member's groups")
  func members() {
    let groups = GroupDatabase(text: "check:x:991:\nssl:x:5:check,other\nadm:x:4:checks\ndisk:x:6:a,check")
    #expect(groups.ids(ofMember: "check") == [5, 6])
  }
}
