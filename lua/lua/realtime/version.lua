-- The addon's version: it goes with the binary module of the same number, but for the last part.
return "0.1.0"
