import Planning

/// A Django site: its manage.py and the applications its settings name.
struct DjangoSite {
  struct Address: Equatable {
    var address: String
    /// The file that names it.
    var source: String
  }
  var wsgi: Address?
  var asgi: Address?

  /// Finds the site whose manage.py lies at the project's root.
  static func find(in modules: PythonModules) -> DjangoSite? {
    guard let manage = modules.modules.first(where: { $0.path == "manage.py" }),
      manage.source.imports.contains(where: { $0 == "django" || $0.hasPrefix("django.") })
        || manage.source.djangoSettings["DJANGO_SETTINGS_MODULE"] != nil
    else { return nil }
    var site = DjangoSite()
    // WSGI_APPLICATION is a dotted name whose last part is the variable: "shop.wsgi.application".
    for module in modules.modules {
      guard let dotted = module.source.djangoSettings["WSGI_APPLICATION"], let dot = dotted.lastIndex(of: ".")
      else {
        continue
      }
      let address = "\(dotted[..<dot]):\(dotted[dotted.index(after: dot)...])"
      site.wsgi = Address(address: address, source: module.path)
      break
    }
    for module in modules.modules where module.sourceRoot.isEmpty {
      guard let application = module.source.applications.first(where: { $0.framework == "django" }) else {
        continue
      }
      let address = Address(address: "\(module.name):\(application.name)", source: module.path)
      if application.interface == .wsgi { site.wsgi = site.wsgi ?? address }
      if application.interface == .asgi { site.asgi = site.asgi ?? address }
    }
    return site
  }
}
