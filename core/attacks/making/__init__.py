"""What attacks are made with. Heavy modules are imported only when there is work to do."""
