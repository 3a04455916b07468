/// The signature files of this folder, inside the program.
package enum SignatureFiles {
  /// By name, in the order of names.
  package static let all: [(name: String, bytes: [UInt8])] = [
    ("celery", PackageResources.celery_toml),
    ("django", PackageResources.django_toml),
    ("flask", PackageResources.flask_toml),
    ("go", PackageResources.go_toml),
    ("granian", PackageResources.granian_toml),
    ("gunicorn", PackageResources.gunicorn_toml),
    ("hypercorn", PackageResources.hypercorn_toml),
    ("libraries", PackageResources.libraries_toml),
    ("node", PackageResources.node_toml),
    ("npm", PackageResources.npm_toml),
    ("numpy", PackageResources.numpy_toml),
    ("pip", PackageResources.pip_toml),
    ("pydantic", PackageResources.pydantic_toml),
    ("python", PackageResources.python_toml),
    ("services", PackageResources.services_toml),
    ("shell", PackageResources.shell_toml),
    ("sqlalchemy", PackageResources.sqlalchemy_toml),
    ("uvicorn", PackageResources.uvicorn_toml),
    ("waitress", PackageResources.waitress_toml),
  ]
}
