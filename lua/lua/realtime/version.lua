-- The addon's version: it needs the binary module with the same number, except for the last part.
return "0.1.0"
