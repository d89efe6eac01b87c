// Columns of text, as wide as they need to be.

/// A table of plain text.
package struct Table {
  private var rows: [[String]]
  private let rightAligned: Set<Int>

  /// - Parameters:
  ///   - header: The columns' names.
  ///   - rightAligned: The columns of figures.
  package init(header: [String], rightAligned: Set<Int> = []) {
    rows = [header]
    self.rightAligned = rightAligned
  }

  /// Adds a row.
  package mutating func add(_ row: [String]) {
    rows.append(row)
  }

  /// The lines, without trailing space.
  package var lines: [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return rightAligned.contains(column) ? padding + cell : cell + padding
      }
      var line = cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}
