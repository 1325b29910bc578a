# Whether npm ci has run. Without the Node that it brings, an older one says something of file extensions only.
[ -x node_modules/.bin/node ] || { echo "Nothing is installed here yet: npm ci comes first." >&2; exit 1; }
