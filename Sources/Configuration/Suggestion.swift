// "Did you mean …?": the candidate that is fewest typing mistakes away, if that is few enough to be one.
//
// The distance is Damerau–Levenshtein in its "optimal string alignment" form: insert, delete, replace, or swap two
// neighbours, each at a cost of 1.

/// The best candidate for a misspelt word; nil when none is near. The first of several equally near ones is taken.
func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
  let limit = 63
  guard word.utf8.count <= limit else { return nil }
  var best: (candidate: String, distance: Int)?
  for candidate in candidates where candidate.utf8.count <= limit {
    let distance = editDistance(Array(word.lowercased().utf8), Array(candidate.lowercased().utf8))
    let tolerance = (max(word.utf8.count, candidate.utf8.count) + 1) / 3
    if distance <= tolerance, distance < best?.distance ?? .max { best = (candidate, distance) }
  }
  return best?.candidate
}

/// "did you mean `x`?" for the nearest candidate.
func didYouMean(_ word: String, among candidates: some Sequence<String>) -> String? {
  nearest(to: word, among: candidates).map { "did you mean \(quoted($0))?" }
}

/// How many insertions, deletions, replacements and swaps of neighbours turn `a` into `b`.
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...b.count)
  for i in a.indices {
    var row = [i + 1]
    row.reserveCapacity(b.count + 1)
    for j in b.indices {
      var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
      row.append(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.count]
}
