/// What is done about an error of one kind, said beside the calls that may throw it.
extension Error {
  /// Carries out calls that throw errors of this kind; one of them is thrown as what `outer` makes of it.
  package static func caught<Value, Outer: Error>(
    _ calls: () throws(Self) -> Value, as outer: (Self) -> Outer
  ) throws(Outer) -> Value {
    do throws(Self) { return try calls() } catch { throw outer(error) }
  }

  /// The same of one call.
  package static func caught<Value, Outer: Error>(
    _ call: @autoclosure () throws(Self) -> Value, as outer: (Self) -> Outer
  ) throws(Outer) -> Value {
    do throws(Self) { return try call() } catch { throw outer(error) }
  }

  /// Carries out calls of which each needs those before it; where one fails, `undo` takes back what they did.
  package static func undoing<Value>(
    _ undo: () -> Void, unless calls: () throws(Self) -> Value
  ) throws(Self) -> Value {
    do throws(Self) { return try calls() } catch {
      undo()
      throw error
    }
  }
}
