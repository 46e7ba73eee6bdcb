"""What teams bring: clients, brokers, databases and stores of other makes; each works or is told what to change."""
