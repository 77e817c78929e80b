"""One layer of a language model: where its tensors come from, and how it is built, filled and fed."""
