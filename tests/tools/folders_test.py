#!/usr/bin/python3
"""The committed folders of models hold examples that numpy agrees with.

  /usr/bin/python3 tests/tools/folders_test.py
"""

import glob
import os
import unittest

from folder import HERE, Folder

ROOT = os.path.join(HERE, "..", "..")
TOLERANCE = 1e-6


class FoldersTest(unittest.TestCase):
    def test_examples_agree(self):
        paths = [path for pattern in ("tests/data/exported/*",
                                      "tests/data/keras/*", "models/langid/1")
                 for path in glob.glob(os.path.join(ROOT, pattern))]
        self.assertGreater(len(paths), 10)
        for path in paths:
            with self.subTest(path):
                self.assertLess(Folder(path).error(), TOLERANCE)


if __name__ == "__main__":
    unittest.main()
