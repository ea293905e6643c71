"""What can be known of a run on AWS before it begins: asks the account, changes nothing, names each gap's remedy."""
