import ArgumentParser
import Isolate

/// `preflight completions`: what a shell completes words of the command line by.
struct CompletionsCommand: ParsableCommand {
  enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

  static let configuration = CommandConfiguration(
    commandName: "completions", abstract: "Prints the completions of a shell.",
    discussion: """
      bash: preflight completions bash > ~/.local/share/bash-completion/completions/preflight
      zsh: preflight completions zsh > DIR/_preflight, with DIR in fpath
      fish: preflight completions fish > ~/.config/fish/completions/preflight.fish
      """)

  @Argument(help: "bash, zsh or fish.")
  var shell: Shell

  func run() throws {
    let kind: CompletionShell =
      switch shell {
      case .bash: .bash
      case .zsh: .zsh
      case .fish: .fish
      }
    try StandardStream.print(Preflight.completionScript(for: kind) + "\n")
  }
}
