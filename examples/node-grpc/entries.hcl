entry { uid = 1000 spiffe_ids = ["spiffe://lab.test/server"] hint = "server" }
entry { uid = 1000 spiffe_ids = ["spiffe://lab.test/client"] hint = "client" }
entry { uid = 1000 spiffe_ids = ["spiffe://lab.test/stranger"] hint = "stranger" }
