/// A word that config.json has for bits of the kernel's: which it sets, and which it takes away.
///
/// Tables of these are arrays, which are searched from the beginning: a start looks up some dozens of words, and every
/// dictionary of another type costs more to be made than that.
struct NamedBits {
  let name: String
  let set: UInt64
  let clear: UInt64

  init(_ name: String, _ set: UInt64, clear: UInt64 = 0) {
    self.name = name
    self.set = set
    self.clear = clear
  }
}

extension [NamedBits] {
  /// The bits of a name, or nil.
  subscript(name: String) -> NamedBits? {
    for entry in self where entry.name == name { return entry }
    return nil
  }
}
