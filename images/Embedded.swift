/// The recipes of this folder, inside the program.
package enum BaseImages {
  /// By name, in the order of names.
  package static let recipes: [(name: String, bytes: [UInt8])] = [
    ("debian-slim", PackageResources.debian_slim_recipe),
    ("go", PackageResources.go_recipe),
    ("java", PackageResources.java_recipe),
    ("node", PackageResources.node_recipe),
    ("php", PackageResources.php_recipe),
    ("python", PackageResources.python_recipe),
    ("ruby", PackageResources.ruby_recipe),
    ("rust", PackageResources.rust_recipe),
    ("static", PackageResources.static_recipe),
    ("swift-runtime", PackageResources.swift_runtime_recipe),
  ]
}
