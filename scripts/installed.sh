# Fails if npm ci has not run. Without the pinned Node, an older one would only complain about file extensions.
[ -x node_modules/.bin/node ] || { echo "The packages are not installed: run npm ci first." >&2; exit 1; }
