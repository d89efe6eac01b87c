// Text for people: styles that become ANSI escapes on a terminal and nothing in a pipe, and tables that line up.

/// What a piece of text says by its colour. Colour only repeats what the words say.
enum Style {
  case plain
  case title
  case faint
  case good
  case warning
  case bad

  /// The SGR parameters (ECMA-48, section 8.3.117); nil for plain text.
  fileprivate var parameters: String? {
    switch self {
    case .plain: nil
    case .title: "1"
    case .faint: "2"
    case .good: "32"
    case .warning: "33"
    case .bad: "1;31"
    }
  }
}

/// Where text goes: with or without colour, on lines of limited or unlimited width.
struct Canvas: Equatable {
  /// Whether escapes are wanted.
  var isColoured = false
  /// The columns of a terminal; nil when lines may be of any length.
  var width: Int?

  /// `text` in a style.
  func paint(_ text: String, _ style: Style) -> String {
    guard isColoured, let parameters = style.parameters, !text.isEmpty else { return text }
    return "\u{1b}[\(parameters)m\(text)\u{1b}[0m"
  }

  /// `text` cut to `columns`, with an ellipsis when something is missing.
  static func cut(_ text: String, to columns: Int) -> String {
    text.count <= columns ? text : text.prefix(max(columns - 1, 0)) + "…"
  }
}

/// A piece of text in a table.
struct Cell {
  var text: String
  var style = Style.plain

  init(_ text: String, _ style: Style = .plain) {
    self.text = text
    self.style = style
  }

  /// Stands for "nothing known": a dash reads better than a hole.
  static let none = Cell("-", .faint)
  /// A cell with nothing in it.
  static let empty = Cell("")
}

/// Rows under a heading, each column as wide as its widest cell. On a narrow terminal the last column is cut, and left
/// out where too little of it would remain; so what matters least stands last.
struct Table {
  /// Which side of a column lines up.
  enum Alignment { case left, right }

  private enum Row {
    case cells([Cell])
    case note(Cell)
  }

  private let titles: [String]
  private let alignments: [Alignment]
  private var rows: [Row] = []

  /// A table with these columns; titles that begin with `>` are right-aligned.
  init(_ titles: String...) {
    alignments = titles.map { $0.hasPrefix(">") ? .right : .left }
    self.titles = titles.map { $0.hasPrefix(">") ? String($0.dropFirst()) : $0 }
  }

  /// Whether there are no rows.
  var isEmpty: Bool { rows.isEmpty }

  /// Adds a row; missing cells at its end stay empty.
  mutating func add(_ cells: Cell...) {
    rows.append(.cells(cells))
  }

  /// Adds a remark about the row above, on a line of its own that no column is widened for.
  mutating func note(_ text: String, _ style: Style = .faint) {
    rows.append(.note(Cell(text, style)))
  }

  /// The table's lines, without trailing blanks.
  func lines(on canvas: Canvas) -> [String] {
    let heading = titles.map { Cell($0, .faint) }
    var widths = titles.map(\.count)
    for case .cells(let cells) in rows {
      for (column, cell) in cells.enumerated() { widths[column] = max(widths[column], cell.text.count) }
    }
    if let width = canvas.width {
      while let last = widths.last, widths.count > 1, width - Self.offset(of: widths.count - 1, widths) < min(last, 8) {
        widths.removeLast()
      }
    }
    return [line(heading, widths, canvas)]
      + rows.map { row in
        switch row {
        case .cells(let cells): line(cells, widths, canvas)
        case .note(let cell):
          "  " + canvas.paint(canvas.width.map { Canvas.cut(cell.text, to: $0 - 2) } ?? cell.text, cell.style)
        }
      }
  }

  /// Where a column begins: two blanks stand between columns.
  private static func offset(of column: Int, _ widths: [Int]) -> Int {
    widths[..<column].reduce(0) { $0 + $1 + 2 }
  }

  private func line(_ cells: [Cell], _ widths: [Int], _ canvas: Canvas) -> String {
    var line = ""
    var column = 0
    for (index, cell) in zip(widths.indices, cells) where !cell.text.isEmpty {
      var text = cell.text
      let start = Self.offset(of: index, widths)
      if index == widths.count - 1, let width = canvas.width { text = Canvas.cut(text, to: width - start) }
      let indent = alignments[index] == .right ? max(widths[index] - text.count, 0) : 0
      // Blanks are put before a cell, not after it, so that no line ends in them.
      line += String(repeating: " ", count: start + indent - column) + canvas.paint(text, cell.style)
      column = start + indent + text.count
    }
    return line
  }
}
