"""Write: Sources → files. The only stage that modifies the disk.

A manifest in each package lists the generated files with digests. Without ``force``, only listed
and unedited files are replaced or removed. With it, edited files and unlisted generated files are
replaced too, but never other files.
"""

from optgen.compiler.write.changes import Changes, changes_of, difference, stale
from optgen.compiler.write.commit import commit, staging_folder
from optgen.compiler.write.folder import generated_classes, opened, refuse_no_folder
from optgen.compiler.write.manifest import MANIFEST

__all__ = [
    "MANIFEST",
    "Changes",
    "changes_of",
    "commit",
    "difference",
    "generated_classes",
    "opened",
    "refuse_no_folder",
    "staging_folder",
    "stale",
]
