"""Tables, figures and prose in which every number is tied to an estimate."""
