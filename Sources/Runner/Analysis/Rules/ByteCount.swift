/// Amounts of memory in words.
package enum ByteCount {
  /// Says a number of bytes in binary units: "512 MiB", "1.5 GiB".
  package static func describe(_ bytes: Int64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var tenths = bytes.multipliedReportingOverflow(by: 10).overflow ? Int64.max : bytes * 10
    var unit = 0
    while tenths >= 10240, unit < units.count - 1 {
      tenths /= 1024
      unit += 1
    }
    let fraction = tenths % 10
    return tenths >= 1000 || fraction == 0
      ? "\(tenths / 10) \(units[unit])" : "\(tenths / 10).\(fraction) \(units[unit])"
  }

  /// Suggests a limit: twice the present one, and so on until it is above the peak. How far a program came before it
  /// was stopped differs from run to run; what is suggested should not.
  static func roomier(_ limit: Int64?, _ peak: Int64?) -> String {
    let mebibyte: Int64 = 1 << 20
    var wanted = max(1, (limit ?? 512 * mebibyte) / mebibyte) * 2
    while wanted < (peak ?? 0) / mebibyte { wanted *= 2 }
    return wanted % 1024 == 0 ? "\(wanted / 1024)g" : "\(wanted)m"
  }

  /// Three quarters of a limit, for Node's heap; of 512 MiB when there is none.
  static func threeQuartersInMebibytes(_ limit: Int64?) -> Int64 {
    (limit ?? 512 << 20) / (1 << 20) * 3 / 4
  }
}

extension String {
  /// The same text beginning with a capital letter.
  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
