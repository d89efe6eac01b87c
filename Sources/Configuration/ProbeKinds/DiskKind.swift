// `disk: PATH`: a file system that must have room, and take writes.

import Health

extension ProbeKind {
  static var disk: ProbeKind {
    ProbeKind(key: "disk", options: ["free", "writable"], example: "disk: /var") { map in
      let free = map.optional("free", Reader<DiskWatch.Room>.room)
      let isWritable = map.optional("writable", .bool) ?? true
      if map.has("disk"), !map.has("free"), !isWritable, let position = map.keyPosition("writable") {
        map.subject.diagnostics.error(
          at: position,
          "\(map.subject.name) looks for neither room nor a read-only file system",
          "add `free: 5%`, or remove `writable: false`"
        )
      }
      return map.optional("disk", .path).map {
        .watch(.disk(DiskWatch(path: $0, free: free, isWritable: isWritable)))
      }
    }
  }
}

extension Reader where Value == DiskWatch.Room {
  /// `5%`, or `500MiB`, `2GiB`, `1TiB`.
  fileprivate static var room: Reader {
    scalar("a share or a size", example: "5%") { (text) throws(UnreadableText) in
      let digits = text.prefix { ("0"..."9").contains($0) }
      let unit = text.dropFirst(digits.count)
      let shifts: [Substring: UInt64] = ["KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40]
      guard let number = UInt64(digits), number > 0, unit == "%" || shifts[unit] != nil else {
        throw UnreadableText("expected a share or a size, found \(quoted(text))", "write, for example, `5%` or `2GiB`")
      }
      guard let shift = shifts[unit] else {
        guard number < 100 else { throw UnreadableText("expected `1%` to `99%`, found \(quoted(text))") }
        return .percent(Int(number))
      }
      guard number < 1 << 20 else { throw UnreadableText("\(quoted(text)) is larger than any size that makes sense") }
      return .bytes(number << shift)
    }
  }
}
