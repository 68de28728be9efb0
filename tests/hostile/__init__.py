"""Model files that ask for more than their own data, each made by code and refused with a sentence."""
