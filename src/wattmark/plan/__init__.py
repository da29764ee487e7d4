"""What a changed file, parameter or setting would build anew on the last night, and why; and what would come out otherwise."""
