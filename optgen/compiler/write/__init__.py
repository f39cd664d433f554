"""Write: Sources → files. The only stage that changes anything on disk.

A package lists its generated files in a manifest, each with a digest. Without ``force`` only those
are replaced or removed, and only while they are as they were generated. With it, edited ones and
generated ones that no manifest lists are replaced too, but never files of others.
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
