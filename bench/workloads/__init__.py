"""What a process of the bench runs, in Étalon's environment or in a peer's: a job in, one line of JSON out."""
